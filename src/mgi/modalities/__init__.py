"""One folder a modality: its sources, its reader, its shard, what is fitted, its tensors."""
