"""A laboratory on loopback: a simulated Exchange front end and a simulated phone.

They exist so that the gateway can be seen working without anybody's servers: `handfast demo` runs both, tests use them
beside real servers and clients. `exchange.SimulatedExchange` speaks the server's side of ActiveSync over HTTP/1.1,
leaks what a real front end leaks, and writes down every request that reached it. `phone.SimulatedPhone` speaks the
client's side. Both are plain asyncio, keep everything in memory and open nothing but the socket they are told to.
"""
