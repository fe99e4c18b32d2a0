"""Stores on MongoDB: one module a collection, functions whose first argument is the database."""
