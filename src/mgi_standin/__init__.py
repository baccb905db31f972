"""A stand-in for the public archives: a simulated cohort as files, and a service that answers as the GDC and NBIA.

It tests the clients of `mgi`, so it shares no code with them: neither package imports the other.
"""
