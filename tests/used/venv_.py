import venv

print(venv.EnvBuilder().symlinks)
