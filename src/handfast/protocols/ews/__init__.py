"""What of Exchange Web Services a gateway has to know: which SOAP headers ask to be somebody else."""
