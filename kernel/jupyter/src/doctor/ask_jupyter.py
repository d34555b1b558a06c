"""Says in one line of JSON what the Jupyter of this Python has. Run by `signaltree doctor`."""

import json
import os
import sys
from importlib import metadata

PACKAGES = ["jupyterlab", "notebook", "jupyter_server", "jupyter_client", "anywidget", "ipywidgets", "jupyterlab_widgets"]
EXTENSIONS = ["anywidget", "@jupyter-widgets/jupyterlab-manager"]

found = {"python": sys.executable, "packages": {}, "kernels": {}, "extensions": {}, "disabled": []}
for name in PACKAGES:
    try:
        found["packages"][name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
try:
    from jupyter_client.kernelspec import KernelSpecManager

    found["kernels"] = KernelSpecManager().get_all_specs()
except Exception as error:
    found["kernels_error"] = f"{type(error).__name__}: {error}"
try:
    from jupyter_core.paths import jupyter_config_path, jupyter_path, jupyter_runtime_dir

    found["runtime"] = jupyter_runtime_dir()
    for folder in reversed(jupyter_path("labextensions")):
        for name in EXTENSIONS:
            try:
                with open(os.path.join(folder, name, "package.json"), encoding="utf-8") as file:
                    found["extensions"][name] = {"version": json.load(file).get("version"), "folder": folder}
            except (OSError, ValueError):
                pass
    for folder in jupyter_config_path():
        try:
            with open(os.path.join(folder, "labconfig", "page_config.json"), encoding="utf-8") as file:
                disabled = json.load(file).get("disabledExtensions", {})
            found["disabled"] += [name for name in disabled if not isinstance(disabled, dict) or disabled[name]]
        except (OSError, ValueError):
            pass
except ImportError:
    pass
print(json.dumps(found))
