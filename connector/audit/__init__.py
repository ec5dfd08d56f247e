"""The audit log: one leaf for each transition, kept as the exact bytes that were hashed."""
