"""EWS requests: whom they act for and what they ask for is read from their beginning, before the rest streams on."""
