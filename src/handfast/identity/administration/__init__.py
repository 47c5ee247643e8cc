"""Administrative work, as the command line and later the console ask for it: plain values in, plain values out."""
