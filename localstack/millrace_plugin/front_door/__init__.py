"""Refuse other sites' pages and other host names at the local cloud's HTTP ports.

A port of 127.0.0.1 is closed to other machines, but open to every page in the user's browser. Fetch Metadata Request
Headers (W3C) specifies how a browser names a request's origin. Decision 0014 has the reasons.
"""
