"""The report's page: one file that opens offline."""
