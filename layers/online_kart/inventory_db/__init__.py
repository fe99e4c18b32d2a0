"""Stores on the inventory database (PostgreSQL 1): functions whose first argument is the connection."""
