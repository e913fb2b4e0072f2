"""A stage for NeMo Curator. Needs `pip install nemo-curator soundfile`.

    from nemo_curator.pipeline import Pipeline
    from aeden.pipelines.nemo_curator import CleanStage

    pipeline = Pipeline(name="clean", stages=[reader, CleanStage("cleaned", keep=["snr_db>=10"]), writer])
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nemo_curator.stages.base import ProcessingStage
from nemo_curator.tasks import AudioTask

from aeden._figures import check, keeps
from aeden.dataset import Clean


@dataclass
class CleanStage(ProcessingStage[AudioTask, AudioTask]):
    """Takes the task of a recording, gives that of the cleaned one, with its figures in `data["aeden"]`.

    target, root, quality, measures and controls are those of `aeden.dataset.Clean`. keep: filters such as "snr_db>=10"; tasks of others
    are left out. A recording that cannot be cleaned comes out as it was, with {"error": why}: nothing is left out by a failure.
    The network is loaded once for each worker.
    """

    target: str
    root: str = ""
    quality: str = "best"
    measures: list[str] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    controls: dict[str, Any] = field(default_factory=dict)
    name: str = "AedenClean"

    def __post_init__(self) -> None:
        check([keeps(text) for text in self.keep], self.measures)

    def inputs(self) -> tuple[list[str], list[str]]:
        # A task without a recording is told as its failure; as a requirement it would end the whole pipeline.
        return [], []

    def outputs(self) -> tuple[list[str], list[str]]:
        return [], ["aeden"]

    def setup(self, worker_metadata: Any = None) -> None:
        self.stage = Clean(self.target, self.root, self.quality, self.measures, **self.controls)
        self.filters = [keeps(text) for text in self.keep]

    def process(self, task: AudioTask) -> AudioTask | None:
        row = self.stage(dict(task.data))
        for key, value in row.items():
            task.data[key] = value
        told = row["aeden"]
        return task if "error" in told or all(keep(told) for keep in self.filters) else None
