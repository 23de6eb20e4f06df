"""Imports five libraries; with the argument `work` it also answers a request from a database."""

import sys

import click
import flask
import jinja2
import requests
import sqlalchemy
import sqlalchemy.orm

if sys.argv[1:] == ["work"]:
    application = flask.Flask("bench")

    @application.route("/")
    def index():
        engine = sqlalchemy.create_engine("sqlite://")
        with engine.connect() as connection:
            rows = connection.execute(sqlalchemy.text("select 42")).scalar()
        engine.dispose()
        return flask.render_template_string("{{ rows }} rows", rows=rows)

    print(application.test_client().get("/").get_data(as_text=True))
print("imported", click.Command.__name__, jinja2.Template.__name__, requests.Session.__name__)
