import "./page/style.css";
import "./page/controls.css";
import "./page/panels.css";
import "./page/organs/organs.css";
import "./page/transfer/transfer.css";
import "./page/cutting/cutting.css";
import { layOut } from "./page/layout";
import { preferredTheme } from "./page/theme";

document.documentElement.dataset.theme = preferredTheme();
layOut(document.body);
