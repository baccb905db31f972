"""Files of the Genomic Data Commons, whatever they measure: how they are listed, chosen, fetched and verified.

No modality of its own: each one says by a query what of a project is asked for.
"""
