# require: flask flask-sqlalchemy
import flask, flask_sqlalchemy
application = flask.Flask(__name__)
application.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
database = flask_sqlalchemy.SQLAlchemy(application)
class Person(database.Model): id = database.Column(database.Integer, primary_key=True)
@application.route("/")
def index():
    database.create_all(); database.session.add(Person()); database.session.commit()
    return flask.render_template_string("{{ n }} here", n=Person.query.count())
assert application.test_client().get("/").text == "1 here"
print("ok")
