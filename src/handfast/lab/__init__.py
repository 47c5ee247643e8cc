"""A laboratory on loopback: a simulated Exchange site and a simulated phone.

They exist so that the gateway can be seen working without anybody's servers: `handfast demo` runs both, tests use them
beside real servers and clients. `exchange.SimulatedExchange` speaks the server's side over HTTP/1.1: ActiveSync,
Autodiscover in three languages, Exchange Web Services, MAPI over HTTP and the offline address book. It leaks what a real
front end leaks, and writes down every request that reached it, also those that no gateway should let through.
`phone.SimulatedPhone` speaks a phone's side. All is plain asyncio, keeps everything in memory and opens nothing but the
socket it is told to.

One request's way through it: `exchange` (connection, sign-in) -> `applications` (which application) -> `activesync_requests`,
`autodiscover/`, `ews/`, `mapi` or `address_book` -> `reply` -> `front_end` (what a front end adds).
"""
