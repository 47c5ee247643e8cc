"""SOAP messages as far as a gateway reads them: what stands before the Body. Source: SOAP 1.1 4, SOAP 1.2 part 1 5."""
