"""The data plane: serves files to the holder of a transfer's token, and fetches them. It knows no protocol."""
