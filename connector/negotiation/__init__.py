"""The contract negotiation: routes, what happens in one transaction, and the pure decision what follows."""
