// Sign-up, log-in and list of users with Express and DynamoDB, as in its tutorials, on Postern's tables.

import { randomUUID } from "node:crypto";

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, ScanCommand, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import bcrypt from "bcrypt";
import express from "express";
import jwt from "jsonwebtoken";
import serverless from "serverless-http";

const { CREDENTIALS_TABLE, JWT_SECRET_KEY, USERS_TABLE } = process.env;
const BCRYPT_ROUNDS = 10;

// The endpoint, the region and the credentials come from the environment.
const database = DynamoDBDocumentClient.from(new DynamoDBClient());

const app = express();
app.use(express.json());
app.use(express.urlencoded({ extended: false }));

function tokenRequired(request, response, next) {
  const token = request.get("x-access-token");
  if (!token) {
    return response.status(401).json({ message: "There is no token in x-access-token." });
  }
  try {
    request.user = jwt.verify(token, JWT_SECRET_KEY, { algorithms: ["HS256"] });
  } catch {
    return response.status(401).json({ message: "The token is not valid." });
  }
  next();
}

app.post("/signup", async (request, response) => {
  const { name, email, password } = request.body ?? {};
  if (![name, email, password].every((field) => typeof field === "string" && field !== "")) {
    return response.status(400).json({ message: "Send name, email and password." });
  }
  const publicId = randomUUID();
  const hash = await bcrypt.hash(password, BCRYPT_ROUNDS);
  try {
    await database.send(
      new TransactWriteCommand({
        TransactItems: [
          {
            Put: {
              TableName: CREDENTIALS_TABLE,
              Item: { email, public_id: publicId, password: hash },
              ConditionExpression: "attribute_not_exists(email)",
            },
          },
          { Put: { TableName: USERS_TABLE, Item: { public_id: publicId, name, email } } },
        ],
      }),
    );
  } catch (error) {
    // Other reasons, such as a conflict with another sign-up, do not mean that the address is taken.
    if (error.CancellationReasons?.some((reason) => reason.Code === "ConditionalCheckFailed")) {
      return response.status(202).json({ message: "This address has an account. Please log in." });
    }
    throw error;
  }
  response.status(201).json({ message: "Successfully registered." });
});

app.post("/login", async (request, response) => {
  const { email, password } = request.body ?? {};
  if (![email, password].every((field) => typeof field === "string" && field !== "")) {
    return response.status(401).json({ message: "Send email and password." });
  }
  const { Item: credentials } = await database.send(
    new GetCommand({ TableName: CREDENTIALS_TABLE, Key: { email } }),
  );
  if (!credentials || !(await bcrypt.compare(password, credentials.password))) {
    return response.status(401).json({ message: "Address and password do not match." });
  }
  const token = jwt.sign({ public_id: credentials.public_id }, JWT_SECRET_KEY, { expiresIn: "30m" });
  response.status(201).json({ token });
});

app.get("/user", tokenRequired, async (_request, response) => {
  // The page size of Postern, for the same load.
  const { Items: users } = await database.send(
    new ScanCommand({
      TableName: USERS_TABLE,
      Limit: 100,
      ProjectionExpression: "public_id, #name, email",
      // "name" is a reserved word of DynamoDB.
      ExpressionAttributeNames: { "#name": "name" },
    }),
  );
  response.json({ users });
});

export const handler = serverless(app);
