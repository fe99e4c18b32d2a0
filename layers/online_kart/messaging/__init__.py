"""How a committed change becomes an event, and how a consumer handles each event once."""
