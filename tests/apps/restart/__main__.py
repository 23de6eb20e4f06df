# An application that starts itself again, or Python, in the way its first argument names (tests/children.rs).
import os
import shutil
import subprocess
import sys

A = sys.argv
PYTHON = sys.executable
NAME = os.path.basename(os.path.realpath(PYTHON))
FLAGS = subprocess._args_from_interpreter_flags()

AGAIN = {
    "exec_argv": lambda: os.execv(PYTHON, [PYTHON, *A]),
    "exec_python_argv": lambda: os.execv(PYTHON, ["python", *A]),
    "exec_orig_argv": lambda: os.execv(PYTHON, sys.orig_argv),
    "exec_arguments": lambda: os.execv(PYTHON, [PYTHON, *A[1:]]),
    "exec_argv_as_its_own": lambda: os.execv(PYTHON, A),
    "execve_orig_argv": lambda: os.execve(PYTHON, sys.orig_argv, os.environ),
    "exec_flags": lambda: os.execv(PYTHON, [PYTHON, *FLAGS, *A]),
    "exec_warning_option": lambda: os.execv(PYTHON, [PYTHON, "-W", "error", "-Xdev", *A]),
    "exec_argv0": lambda: os.execvp(A[0], A),
    "spawn_name": lambda: sys.exit(os.spawnlp(os.P_WAIT, NAME, *A)),
    "proc_self_exe": lambda: run(["/proc/self/exe", *A[1:]]),
    "shell": lambda: run(["/bin/sh", "-c", '"$0" "$@"; exit $?', PYTHON, *A]),
    "sub_argv": lambda: run([PYTHON, *A]),
    "sub_arguments": lambda: run([PYTHON, *A[1:]]),
    "sub_orig_argv": lambda: run(sys.orig_argv),
    "sub_executable": lambda: run(A, executable=PYTHON),
    "sub_argv0": lambda: run(A),
    "abspath_argv0": lambda: run([os.path.abspath(A[0]), *A[1:]]),
    "realpath_executable": lambda: run([os.path.realpath(PYTHON), *A[1:]]),
    "which": lambda: run([shutil.which(NAME), *A[1:]]),
    "name": lambda: run([NAME, *A[1:]]),
}


def run(command, **options):
    done = subprocess.run(command, **options)
    if sys.stdout:
        sys.stdout.flush()
    sys.exit(done.returncode)


def python(how):
    if how == "without_end":
        run([os.path.realpath(PYTHON), "without_end", "-c", "print('python')"])
    if how == "deep":
        left = int(A[2])
        if left:
            run([os.path.realpath(PYTHON), "deep", str(left - 1)])
        print("bottom")
    if how == "command":
        run([PYTHON, "-c", "import sys; print('python', sys.argv)"])
    if how == "sudo_command":
        run(["sudo", "-n", PYTHON, "-c", "import sys; print('python', sys.argv)"])
    if how == "exec_command":
        os.execv(PYTHON, [PYTHON, "-c", "import sys; print('python', sys.argv)"])
    if how == "module":
        run([PYTHON, "-m", "json.tool", "--help"], stdout=subprocess.DEVNULL)
    if how == "argv0":
        print(A[0])
    if how == "where":
        print(PYTHON)


if __name__ == "__main__":
    if os.environ.get("AGAIN"):
        print("again", A[1:])
    elif len(A) > 1 and A[1] in AGAIN:
        os.environ["AGAIN"] = "1"
        AGAIN[A[1]]()
    elif len(A) > 1 and not A[1].startswith("-"):
        python(A[1])
    else:
        print("application", A[1:])
