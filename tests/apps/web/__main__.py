"""A web application with a database: flask, jinja2, sqlalchemy and click from PyPI. Serves as many requests as asked."""

import click
from flask import Flask, jsonify, render_template_string, request
from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool
from werkzeug.serving import make_server


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
app = Flask(__name__)


@app.get("/people/<int:number>")
def person(number):
    with Session(engine) as session:
        found = session.scalars(select(Person).where(Person.id == number)).one_or_none()
        if found is None:
            return jsonify(error="nobody"), 404
        return render_template_string("Hello {{ name }}, {{ request.args['greeting'] }}!\n", name=found.name, request=request)


@click.command()
@click.option("--requests", default=1, show_default=True, help="How many requests to serve.")
def main(requests):
    """Serve some people."""
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Person(name="Ada"), Person(name="<Grace>")])
        session.commit()
    server = make_server("127.0.0.1", 0, app)
    click.echo(server.server_port)
    for _ in range(requests):
        server.handle_request()
    server.server_close()


if __name__ == "__main__":
    main()
