"""The notebook runs from its first cell to its last."""

import contextlib
import importlib.util
import io
import json
import os
import unittest
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
NOTEBOOK = FOLDER / "aeden.ipynb"


class Notebook(unittest.TestCase):
    def test_its_cells_run(self):
        """As plain Python, which takes no other package."""
        cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
        here, names, said = os.getcwd(), {}, io.StringIO()
        os.chdir(FOLDER)
        try:
            with contextlib.redirect_stdout(said):
                for cell in cells:
                    if cell["cell_type"] == "code":
                        exec(compile("".join(cell["source"]), str(NOTEBOOK), "exec"), names)
        finally:
            os.chdir(here)
        self.assertIn("ms late", said.getvalue())
        self.assertLess(names["level"](names["cleaned"]), names["level"](names["samples"]))

    @unittest.skipUnless(
        importlib.util.find_spec("nbclient") and importlib.util.find_spec("ipykernel"), "nbclient and ipykernel are not installed"
    )
    def test_it_runs_in_jupyter(self):
        import nbclient
        import nbformat

        notebook = nbformat.read(NOTEBOOK, as_version=4)
        nbformat.validate(notebook)
        nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}).execute()

    def test_it_is_kept_without_outputs(self):
        cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
        self.assertFalse([cell["id"] for cell in cells if cell.get("outputs")])


if __name__ == "__main__":
    unittest.main()
