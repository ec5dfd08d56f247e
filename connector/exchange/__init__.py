"""One way in, one way out: the message path that negotiation and transfer share.

A process is one side of one negotiation or transfer. `service.Exchange` moves it; `rules` says, without I/O, what a
message from the peer means in the light of what we still have to send; `store` does each step in one round trip.
"""
