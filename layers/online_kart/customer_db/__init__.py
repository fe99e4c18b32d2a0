"""Stores on the customer database (PostgreSQL 2): functions whose first argument is the connection."""
