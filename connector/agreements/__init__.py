"""Agreements: what negotiation makes and transfer uses."""
