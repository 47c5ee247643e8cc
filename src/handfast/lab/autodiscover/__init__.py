"""Autodiscover in its three languages: plain XML (POX), SOAP and JSON.

Each answers as Exchange 2016 and 2019 do to a client outside: with published URLs beside inside ones. That is what a
gateway must clean.
"""
