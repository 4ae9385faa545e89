"""Sign-up, log-in and list of users with Flask, as in its tutorials, from which Postern's calls are taken."""

import os
from datetime import datetime, timedelta, timezone
from functools import wraps
from uuid import uuid4

import jwt
from apig_wsgi import make_lambda_handler
from flask import Flask, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import IntegrityError
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["JWT_SECRET_KEY"]
# Only /tmp of a function's file system is writable.
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///" + os.environ.get("DATABASE", "/tmp/users.db")

db = SQLAlchemy(app)


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    public_id = db.Column(db.String(36), unique=True, nullable=False)
    name = db.Column(db.String(100), nullable=False)
    email = db.Column(db.String(254), unique=True, nullable=False)
    password = db.Column(db.String(255), nullable=False)


# Each cold start finds an empty /tmp.
with app.app_context():
    db.create_all()


def token_required(view):
    """Respond with 401 unless the request has a valid token of an existing user."""

    @wraps(view)
    def guarded(*args, **kwargs):
        token = request.headers.get("x-access-token")
        if not token:
            return jsonify(message="There is no token in x-access-token."), 401
        try:
            claims = jwt.decode(token, app.config["SECRET_KEY"], algorithms=["HS256"])
        except jwt.InvalidTokenError:
            return jsonify(message="The token is not valid."), 401
        current_user = User.query.filter_by(public_id=claims.get("public_id")).first()
        if current_user is None:
            return jsonify(message="The token's user does not exist."), 401
        return view(current_user, *args, **kwargs)

    return guarded


@app.route("/signup", methods=["POST"])
def signup():
    name = request.form.get("name")
    email = request.form.get("email")
    password = request.form.get("password")
    if not (name and email and password):
        return jsonify(message="Send name, email and password."), 400

    taken = jsonify(message="This address has an account. Please log in.")
    if User.query.filter_by(email=email).first():
        return taken, 202

    db.session.add(
        User(public_id=str(uuid4()), name=name, email=email, password=generate_password_hash(password))
    )
    try:
        db.session.commit()
    except IntegrityError:
        # A concurrent sign-up inserted the address after the query.
        db.session.rollback()
        return taken, 202
    return jsonify(message="Successfully registered."), 201


@app.route("/login", methods=["POST"])
def login():
    email = request.form.get("email")
    password = request.form.get("password")
    if not (email and password):
        return jsonify(message="Send email and password."), 401

    user = User.query.filter_by(email=email).first()
    if user is None or not check_password_hash(user.password, password):
        return jsonify(message="Address and password do not match."), 401

    claims = {"public_id": user.public_id, "exp": datetime.now(timezone.utc) + timedelta(minutes=30)}
    return jsonify(token=jwt.encode(claims, app.config["SECRET_KEY"], algorithm="HS256")), 201


@app.route("/user", methods=["GET"])
@token_required
def list_users(current_user):
    # The page size of Postern, for the same load.
    users = User.query.limit(100).all()
    return jsonify(users=[{"public_id": user.public_id, "name": user.name, "email": user.email} for user in users])


handler = make_lambda_handler(app)
