"""The Tidegate service: protocol, negotiation, transfer, data plane, identity, audit, command line."""
