"""Statements (`queries/`) and schema (`migrations/`) as files; `connector.db` and `connector.migrations` read them."""
