"""The application that people migrate from: user authentication in Flask with PyJWT, as tutorials teach it.

It reads its settings from the environment: SECRET_KEY, DATABASE (an SQLite file) and PORT. Its faults are the
tutorials': a key in the source or the environment, no limit on guesses, and tokens that nothing can revoke.
"""

import os
import uuid
from datetime import datetime, timedelta
from functools import wraps

import jwt
from flask import Flask, jsonify, make_response, request
from flask_sqlalchemy import SQLAlchemy
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///" + os.path.abspath(os.environ["DATABASE"])
app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False
db = SQLAlchemy(app)


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    public_id = db.Column(db.String(50), unique=True)
    name = db.Column(db.String(100))
    email = db.Column(db.String(70), unique=True)
    password = db.Column(db.String(200))


def token_required(view):
    @wraps(view)
    def wrapped(*args, **kwargs):
        token = request.headers.get("x-access-token")
        if not token:
            return jsonify({"message": "Token is missing !!"}), 401
        try:
            data = jwt.decode(token, app.config["SECRET_KEY"], algorithms=["HS256"])
            user = User.query.filter_by(public_id=data["public_id"]).first()
        except jwt.PyJWTError:
            return jsonify({"message": "Token is invalid !!"}), 401
        return view(user, *args, **kwargs)

    return wrapped


@app.route("/user", methods=["GET"])
@token_required
def list_users(_user):
    users = [{"public_id": user.public_id, "name": user.name, "email": user.email} for user in User.query.all()]
    return jsonify({"users": users})


@app.route("/login", methods=["POST"])
def log_in():
    form = request.form
    if not form.get("email") or not form.get("password"):
        return make_response("Could not verify", 401, {"WWW-Authenticate": 'Basic realm ="Login required !!"'})
    user = User.query.filter_by(email=form["email"]).first()
    if not user:
        return make_response("Could not verify", 401, {"WWW-Authenticate": 'Basic realm ="User does not exist !!"'})
    if not check_password_hash(user.password, form["password"]):
        return make_response("Could not verify", 403, {"WWW-Authenticate": 'Basic realm ="Wrong Password !!"'})
    claims = {"public_id": user.public_id, "exp": datetime.utcnow() + timedelta(minutes=30)}
    token = jwt.encode(claims, app.config["SECRET_KEY"], algorithm="HS256")
    return make_response(jsonify({"token": token.decode("UTF-8")}), 201)


@app.route("/signup", methods=["POST"])
def sign_up():
    form = request.form
    if User.query.filter_by(email=form["email"]).first():
        return make_response("User already exists. Please Log in.", 202)
    password = generate_password_hash(form["password"])
    user = User(public_id=str(uuid.uuid4()), name=form["name"], email=form["email"], password=password)
    db.session.add(user)
    db.session.commit()
    return make_response("Successfully registered.", 201)


if __name__ == "__main__":
    with app.app_context():
        db.create_all()
    app.run(port=int(os.environ["PORT"]))
