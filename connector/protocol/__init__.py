"""The Dataspace Protocol 2025-1 as data and pure functions: no I/O, no clock, no randomness.

Start with `machine` (what a table of moves is), then `negotiation` and `transfer` (the two tables), then
`messages` (the models) and `wire` (JSON to model and back).
"""
