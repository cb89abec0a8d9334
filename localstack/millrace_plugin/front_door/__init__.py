"""Keep other sites' pages and other names out of the local cloud's HTTP ports.

A port of 127.0.0.1 is closed to other machines, and open to every page in the browser of its user. Fetch Metadata
Request Headers (W3C) says what a browser tells of a request's origin; decision 0014 says what is left to whom.
"""
