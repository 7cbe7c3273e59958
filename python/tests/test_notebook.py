"""The notebook in examples/ runs as it is, and nothing of a run is stored in it."""

import os
from pathlib import Path

import nbclient
import nbformat
from conftest import PROGRAM

NOTEBOOK = Path(__file__).parents[2] / "examples" / "from_home_made.ipynb"


def test_it_runs_from_start_to_end(agent, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(PROGRAM).parent), os.environ["PATH"]]))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("altered" in output.get("text", "") for output in outputs), outputs
    assert not any("sealed" in name or "enc" in name for name in os.listdir(tmp_path))


def test_it_is_stored_without_outputs_and_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert not any(word in NOTEBOOK.read_text() for word in ("/home/", "/root", "/Users/", "C:\\\\"))
