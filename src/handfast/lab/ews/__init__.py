"""Exchange Web Services of the simulated server: enough for real clients to sign in, read folders and stay informed.

Source: MS-OXWSCORE, MS-OXWSFOLD, MS-OXWSSRCH, MS-OXWSSYNC, MS-OXWSNTIF, MS-OXWSATT; Microsoft, "EWS reference".
"""
