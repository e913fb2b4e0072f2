"""A stage for lhotse's sets of cuts. Needs `pip install lhotse soundfile`.

    from lhotse import CutSet
    from aeden.pipelines.lhotse import CleanCuts

    cuts = CutSet.from_file("cuts.jsonl.gz").map(CleanCuts("cleaned"))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lhotse.serialization import deserialize_item

from aeden.dataset import Clean, for_readers


class CleanCuts:
    """Takes a cut, gives the cut of the cleaned recording, with figures in `custom["aeden"]`.

    target, root, quality, measures and controls are those of `aeden.dataset.Clean`. Each recording is cleaned once, however many cuts
    are of it. A cut that cannot be cleaned comes out as it was, with {"error": why} there. Mixed cuts are cleaned track by track.
    """

    def __init__(
        self, target: str, root: str = "", quality: str = "best", measures: Sequence[str] = (), **controls: Any
    ) -> None:
        self.stage = Clean(target, root, quality, measures, **controls)

    def __call__(self, cut: Any) -> Any:
        return deserialize_item(for_readers(self.stage(cut.to_dict())))
