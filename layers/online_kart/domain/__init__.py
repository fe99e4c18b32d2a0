"""What the business knows. Imports pydantic and the standard library, nothing else."""
