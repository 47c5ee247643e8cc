"""EWS requests: who may act for whom is read from the SOAP headers, before the rest streams on."""
