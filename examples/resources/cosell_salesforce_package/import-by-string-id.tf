import {
  to = cosell_salesforce_package.microsoft
  id = "04t2w000006WIwV"
}
