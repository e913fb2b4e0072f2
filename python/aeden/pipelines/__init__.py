"""The stage of `aeden.dataset` in the frameworks that prepare speech data: lhotse and NeMo Curator."""
