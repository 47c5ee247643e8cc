"""Log lines, decision records and metrics: what operators and their tools see."""
