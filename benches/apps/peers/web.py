# requires: flask
"""Answers one request with Flask."""

from flask import Flask


def main():
    app = Flask("web")
    app.add_url_rule("/", "index", lambda: "Hello")
    print(app.test_client().get("/").text)


if __name__ == "__main__":
    main()
