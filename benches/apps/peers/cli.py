"""Imports thirty modules that a command line tool may need."""

import argparse, ast, asyncio, base64, bisect, calendar, collections, concurrent.futures  # noqa: E401
import configparser, contextlib, csv, dataclasses, datetime, decimal, email, fractions  # noqa: E401
import functools, getpass, glob, gzip, hashlib, heapq, json, logging, pathlib, random  # noqa: E401
import shutil, statistics, subprocess, tempfile, urllib.request, zipfile  # noqa: E401


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="Hello")
    print(parser.parse_args().name)


if __name__ == "__main__":
    main()
