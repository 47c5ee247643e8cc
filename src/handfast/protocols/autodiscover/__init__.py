"""Autodiscover in its three languages: plain XML (POX), SOAP and JSON. Bytes to values; nothing here is rewritten.

Source: MS-OXDSCLI; MS-OXWSADISC; MS-ASCMD 2.2.1.1.
"""
