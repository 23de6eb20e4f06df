# require: jupyter-core jupyter-client ipykernel
"""A kernel, which is a child of this program, runs a cell."""
import sys

if len(sys.argv) == 1:
    from jupyter_client.manager import KernelManager

    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    said = []
    client.execute_interactive("print(6 * 7)", timeout=60, output_hook=lambda message: said.append(message["content"].get("text")))
    assert "42\n" in said, said
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    print("ok")
