"""The journal in PostgreSQL: the one place with SQL. Start reading at ``schema.sql``."""
