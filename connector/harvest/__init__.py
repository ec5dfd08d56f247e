"""Folders become drafts of offerings: which files (scan), what they say (read, in its own process), their digests."""
