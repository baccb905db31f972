"""The selective scan of Mamba: one signature, several backends."""
