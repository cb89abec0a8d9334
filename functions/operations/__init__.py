"""Health checks, the API's documents and migrations."""
