import "./page/style.css";
