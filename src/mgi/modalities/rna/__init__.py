"""Gene expression by RNA-seq: STAR counts of the GDC, or a table of the user."""
